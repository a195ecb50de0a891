"""The Salesforce twin: objects, collections, queries and Bulk API 2.0 jobs of one org."""
