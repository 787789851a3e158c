"""Country packs: what a statistician writes about a country, checked and turned into values."""
