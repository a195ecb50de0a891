"""The Notion twin: databases, their data sources, and pages."""
