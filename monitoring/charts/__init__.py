"""What checks showed, as SVG drawn on the server.

Charts carry classes and presentation attributes alone: the Content-Security-Policy allows no styles within a page, and
`monitoring/charts.css` colours them in light and dark. Shape says what colour says.
"""
