"""What tests share: builders of small documents, and the rule for tools that this machine lacks."""
