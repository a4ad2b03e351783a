"""Problems of schemas and statements: keys, types, indexes, and what a planner cannot use."""
