"""What watching one website showed: the page at /sites/<id>, and the same report on its page in the admin."""
