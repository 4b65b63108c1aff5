"""What runs inside a child: the engine session, the finisher, and their messages."""
