// Command skewless-glue writes, to standard output, the main package of the transform in a folder. `skewless build`
// runs it:
//
//	go run skewless/cmd/skewless-glue FOLDER IMPORT_PATH
package main

import (
	"fmt"
	"os"

	"skewless/generate"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: skewless-glue FOLDER IMPORT_PATH")
		os.Exit(2)
	}
	source, err := generate.Main(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if _, err := os.Stdout.Write(source); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
