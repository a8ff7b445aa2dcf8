"""Where the command line begins: `syncjob …` and `python -m syncjob …`."""

from syncjob.cli.main import main

if __name__ == "__main__":
    main()
