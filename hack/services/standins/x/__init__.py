"""X (api.x.com): OAuth 2, media upload v2, posts and timelines, with X's rules enforced."""
