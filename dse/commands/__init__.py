"""What each command of ``dse.study`` does; one file a command."""
