// Command lifecycle-sync keeps the mirror in pmo_db equal to lifecycle_db and serves it.
package main

func main() {}
