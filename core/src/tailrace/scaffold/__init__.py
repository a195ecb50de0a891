"""Scaffold: what `tailrace new` writes; each style is a folder of texts, `common` goes with all."""
