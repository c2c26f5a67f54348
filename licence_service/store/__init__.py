"""All that lies in the database; SQLAlchemy's only home."""
