"""What runs in production. Imports nothing of the platform package."""
