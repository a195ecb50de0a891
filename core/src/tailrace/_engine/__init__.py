"""The engine's rooms; nothing in here is for plugins."""
