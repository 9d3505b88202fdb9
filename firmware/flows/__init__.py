"""One act per file, each a straight story of one screenful."""
