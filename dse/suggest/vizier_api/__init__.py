"""Studies in the words of Vizier's public API: spaces, trials, files, and our search as a Designer.

Importing a module of this package imports Vizier, which takes some seconds.
"""
