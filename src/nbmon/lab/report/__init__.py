"""A report as one HTML file that needs nothing else: its plots are drawn here, to follow the theme."""
