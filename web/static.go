package web

import (
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"palimpsest.dev/api"
)

//go:embed static
var embedded embed.FS

// mediaTypes of the files there are; the system's own table is not to be trusted with
// scripts.
var mediaTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// asset is one file of the page.
type asset struct {
	content   []byte
	mediaType string
	tag       string
}

// staticFiles serves the page. What is no file of it and no route is a problem.
func staticFiles() (http.Handler, error) {
	assets := map[string]asset{}
	err := fs.WalkDir(embedded, "static", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := embedded.ReadFile(name)
		if err != nil {
			return err
		}
		mediaType, ok := mediaTypes[path.Ext(name)]
		if !ok {
			return fmt.Errorf("web: %s has no known media type", name)
		}
		assets["/"+strings.TrimPrefix(name, "static/")] = asset{content, mediaType, fmt.Sprintf("%q", fmt.Sprintf("%x", sha256.Sum256(content))[:24])}
		return nil
	})
	if err != nil {
		return nil, err
	}
	assets["/"] = assets["/index.html"]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := assets[r.URL.Path]
		switch {
		case !ok:
			writeProblem(w, problem(http.StatusNotFound, api.CodeNotFound, "/openapi.json lists what there is", "nothing is at %.200s", r.URL.Path))
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			writeProblem(w, problem(http.StatusMethodNotAllowed, api.CodeNotAllowed, "", "%s does not work on %.200s", r.Method, r.URL.Path))
		default:
			w.Header().Set("Content-Type", a.mediaType)
			w.Header().Set("ETag", a.tag)
			w.Header().Set("Cache-Control", "no-cache") // ask, and mostly hear that nothing changed
			if r.Header.Get("If-None-Match") == a.tag {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			_, _ = w.Write(a.content) // nothing can be done when the other side is gone
		}
	}), nil
}
