"""The workflows that n8n runs, and their deployment."""
