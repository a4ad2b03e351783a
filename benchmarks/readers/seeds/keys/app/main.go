package main

var a = cfg["StockAddress"]
