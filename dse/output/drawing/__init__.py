"""Charts as SVG, written here: for ``front --plot``, for pages without script and for downloads.

What is drawn arrives as plain numbers and texts; nothing here knows a study.
"""
