"""A board served to several people and programs: pages, and a REST API (extra `server`)."""
