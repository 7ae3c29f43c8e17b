"""The page at `/`: how all websites are, and how well they are watched."""
