"""What everybody may see: the status page and its feed.

`contents` reads it, `rendering` and `feed` write it down, `kept` keeps that for some seconds. What nobody chose to
show does not get into the contents, so that it cannot come out.
"""
