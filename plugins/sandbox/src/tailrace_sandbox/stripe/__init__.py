"""A twin of Stripe's API: lists, objects and events."""
