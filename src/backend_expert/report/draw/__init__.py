"""Pictures of a report, written as SVG of our own and coloured by the page that holds them."""
