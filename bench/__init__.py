"""How fast the product is, as figures: CPU milliseconds of the server for one operation, beside a control and a budget."""
