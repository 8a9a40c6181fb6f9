complete --keep-order --exclusive --command dgw --arguments "(COMPLETE=fish dgw -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
