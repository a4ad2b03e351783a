"""How people and programs reach the product: they parse, call the review, and hand its Result to the report."""
