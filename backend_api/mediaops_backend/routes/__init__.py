"""The routes, by who calls them: users, pods, n8n, and whoever looks after the installation."""
