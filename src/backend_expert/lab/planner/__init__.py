"""Which index, which rewrite, at what planner cost, before and after, on a PostgreSQL that holds no rows."""
