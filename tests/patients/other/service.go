// A small Go service: each order waits for ever in a goroutine of its own
// (leaking), or is answered and forgotten. Tells its runtime's numbers at
// /debug/vars, as any service that imports expvar does.
// service PORT
package main

import (
	"expvar"
	"fmt"
	"net/http"
	"os"
	"runtime"
)

type order struct {
	sku   string
	lines []float64
}

var (
	leaking = os.Getenv("PATIENT_TWIN") != "fixed"
	never   = make(chan bool)
)

func deliver(o *order) {
	<-never
	fmt.Println(o.sku)
}

func work(w http.ResponseWriter, r *http.Request) {
	o := &order{sku: "sku", lines: make([]float64, 100)}
	if leaking {
		go deliver(o)
	}
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, "{\"lines\": %d}\n", len(o.lines))
}

func main() {
	expvar.Publish("goroutines", expvar.Func(func() any {
		return runtime.NumGoroutine()
	}))
	http.HandleFunc("/work", work)
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "ok")
	})
	panic(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
