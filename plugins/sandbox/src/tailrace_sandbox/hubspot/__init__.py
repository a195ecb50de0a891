"""The HubSpot twin: CRM objects, their properties and associations."""
