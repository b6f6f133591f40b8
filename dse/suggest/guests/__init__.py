"""Search algorithms of others over a flattened space, each asked anew in a child process."""
