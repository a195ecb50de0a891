"""The twin of Slack's Web API and of its incoming webhooks."""
