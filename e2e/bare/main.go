// Bare serves the files of one directory with net/http and nothing else: what a
// request costs at the least. It is what benchmarks divide by.
package main

import (
	"log"
	"net/http"
	"os"
	"path/filepath"
)

func main() {
	address, dir := os.Args[1], os.Args[2]
	small, err := os.ReadFile(filepath.Join(dir, "small"))
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/small", func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = []string{"text/plain; charset=utf-8"}
		w.Write(small)
	})
	http.HandleFunc("/large", func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Open(filepath.Join(dir, "large"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header()["Content-Type"] = []string{"application/zip"}
		http.ServeContent(w, r, "", info.ModTime(), f)
	})
	log.Fatal(http.ListenAndServe(address, nil))
}
