"""Starts the plugin."""

from pagenumber import PageNumber
from serving import serve


def main():
    serve(PageNumber())


if __name__ == "__main__":
    main()
