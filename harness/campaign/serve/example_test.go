package serve_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/firstgap/firstgap/harness/campaign/serve"
	"github.com/firstgap/firstgap/harness/campaign/store"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// A folder with one campaign in it is shown as a list of one.
func Example() {
	folder, err := os.MkdirTemp("", "campaigns")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	campaign, err := store.Create(filepath.Join(folder, "nightly"), store.Header{System: "aurora", Seed: 1, Batch: 256})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer campaign.Close()
	s, err := serve.New(folder)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	fmt.Println(w.Code, strings.Contains(w.Body.String(), `<a href="/campaign?at=nightly">nightly</a>`))
	// Output:
	// 200 true
}
