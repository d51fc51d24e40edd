// A small Go service: each order waits for ever in a goroutine of its own
// (leaking), or is answered and forgotten. Tells its runtime's numbers at
// /debug/vars and /debug/pprof, as any service that imports those does.
// service PORT [no-pprof]
package main

import (
	"expvar"
	"fmt"
	"net/http"
	"net/http/pprof"
	"os"
	"runtime"
	"strings"
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
	mux := http.NewServeMux()
	mux.Handle("/debug/vars", expvar.Handler())
	if len(os.Args) < 3 {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
	}
	mux.HandleFunc("/work", work)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/debug/") {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	panic(http.ListenAndServe("127.0.0.1:"+os.Args[1], mux))
}
