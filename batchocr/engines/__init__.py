"""What recognizes pages: the contract, the registry and the engines that come with batchocr."""
