"""What the readers of Python, Java, Go, C# and PHP share: which files count, how a text that code puts together is followed."""
