package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"palimpsest.dev/api"
	"palimpsest.dev/store"
)

// What the client sends arrives, and what the store holds comes back.
func TestSubmitAndFollow(t *testing.T) {
	t.Parallel()
	f, c := serve(t)
	sub := submission("scan 1.png", "the bytes")
	sub.Options = map[string]string{"text_layer": "ignore"}
	sub.Password = "secret"
	doc, err := c.Submit(t.Context(), sub)
	if err != nil {
		t.Fatal(err)
	}
	if doc.Name != "scan 1.png" || doc.Bytes != 9 || doc.State != "received" || len(doc.Runs) != 1 || doc.Runs[0].Task != "ocr" || doc.Runs[0].Options["text_layer"] != "ignore" {
		t.Errorf("%+v", doc)
	}
	if string(f.blobs[doc.Hash]) != "the bytes" || f.docs[0].Password != "secret" {
		t.Error("the content or the password did not arrive")
	}
	var states []string
	// The changes come after the stream's first message: had the document ended before it, that one
	// message would rightly say all.
	following := make(chan struct{})
	go func() {
		<-f.watched
		<-following
		f.tell(store.Event{Document: store.DocumentID(doc.ID), Page: 1, Task: "ocr", State: "done"})
		f.move(store.DocumentID(doc.ID), store.DocumentRunning)
		f.tell(store.Event{Document: store.DocumentID(doc.ID)}) // some were missed
		f.move(store.DocumentID(doc.ID), store.DocumentComplete)
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	end, err := c.Wait(ctx, doc.ID, func(e api.Event) error {
		if len(states) == 0 {
			close(following)
		}
		states = append(states, fmt.Sprintf("%d %s", e.Page, e.State))
		return nil
	})
	if err != nil || end.State != "complete" {
		t.Fatalf("%s, %v", end.State, err)
	}
	if !slices.Contains(states, "1 done") || states[len(states)-1] != "0 complete" {
		t.Errorf("events %q", states)
	}
}

// A key makes a submission one document; the same key for something else is a conflict.
func TestIdempotency(t *testing.T) {
	t.Parallel()
	f, c := serve(t)
	sub := submission("a.png", "1")
	sub.IdempotencyKey = "k"
	one, err := c.Submit(t.Context(), sub)
	if err != nil {
		t.Fatal(err)
	}
	two, err := c.Submit(t.Context(), sub)
	if err != nil || two.ID != one.ID || len(f.docs) != 1 {
		t.Errorf("%v, %v, %d documents", two.ID, err, len(f.docs))
	}
	other := submission("a.png", "2")
	other.IdempotencyKey = "k"
	_, err = c.Submit(t.Context(), other)
	if p := problemFrom(t, err); p.Status != http.StatusConflict || p.Code != api.CodeConflict {
		t.Errorf("%+v", p)
	}
}

func TestUploadLimits(t *testing.T) {
	t.Parallel()
	f, c := serve(t, func(c *Config) { c.MaxUploadBytes = 1000 })
	_, err := c.Submit(t.Context(), submission("big.pdf", strings.Repeat("x", 1001)))
	if p := problemFrom(t, err); p.Status != http.StatusRequestEntityTooLarge || p.Code != api.CodeTooLarge || p.Limit == "" || p.Hint == "" {
		t.Errorf("%+v", p)
	}
	if _, err := c.Submit(t.Context(), submission("fits.pdf", strings.Repeat("x", 1000))); err != nil {
		t.Error(err)
	}
	_, err = c.Submit(t.Context(), submission("empty.pdf", ""))
	if p := problemFrom(t, err); p.Code != api.CodeBadInput {
		t.Errorf("%+v", p)
	}
	sub := submission("a.pdf", "x")
	sub.Tasks = []string{"fly"}
	_, err = c.Submit(t.Context(), sub)
	if p := problemFrom(t, err); p.Code != api.CodeBadInput || !strings.Contains(p.Detail, "fly") || p.Hint == "" {
		t.Errorf("%+v", p)
	}
	if len(f.docs) != 1 {
		t.Errorf("%d documents", len(f.docs))
	}
}

// Forms that are malformed in every way end in a problem, not in a document.
func TestUploadForms(t *testing.T) {
	t.Parallel()
	f, c := serve(t)
	form := func(parts ...string) (string, []byte) {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		for i := 0; i < len(parts); i += 2 {
			if name, ok := strings.CutPrefix(parts[i], "file:"); ok {
				p, _ := w.CreateFormFile("file", name)
				_, _ = p.Write([]byte(parts[i+1]))
			} else {
				_ = w.WriteField(parts[i], parts[i+1])
			}
		}
		_ = w.Close()
		return w.FormDataContentType(), b.Bytes()
	}
	cut := func(contentType string, body []byte) (string, []byte) { return contentType, body[:len(body)-20] }
	for _, tc := range []struct {
		name   string
		make   func() (string, []byte)
		status int
	}{
		{"no form", func() (string, []byte) { return "application/json", []byte("{}") }, http.StatusUnsupportedMediaType},
		{"no file", func() (string, []byte) { return form("task", "ocr") }, http.StatusBadRequest},
		{"two files", func() (string, []byte) { return form("file:a", "1", "file:b", "2") }, http.StatusBadRequest},
		{"cut off", func() (string, []byte) { return cut(form("file:a", strings.Repeat("1", 100))) }, http.StatusBadRequest},
		{"unknown field", func() (string, []byte) { return form("color", "red", "file:a", "1") }, http.StatusBadRequest},
		{"option without value", func() (string, []byte) { return form("option", "x", "file:a", "1") }, http.StatusBadRequest},
		{"long field", func() (string, []byte) { return form("task", strings.Repeat("x", maxFieldBytes+1), "file:a", "1") }, http.StatusRequestEntityTooLarge},
		{"many parts", func() (string, []byte) { return form(slices.Repeat([]string{"task", "ocr"}, maxParts+1)...) }, http.StatusRequestEntityTooLarge},
		{"fields after the file", func() (string, []byte) { return form(`file:C:\scans\a.png`, "1", "task", "ocr") }, http.StatusAccepted},
	} {
		contentType, body := tc.make()
		resp, err := http.Post(c.BaseURL+"/v1/documents", contentType, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		checkProblem(t, tc.name, resp, tc.status)
	}
	if len(f.docs) != 1 || f.docs[0].Name != "a.png" {
		t.Errorf("documents: %+v", f.docs)
	}
}

// checkProblem checks the status, and that an error is a problem with a code.
func checkProblem(t *testing.T, name string, resp *http.Response, status int) {
	t.Helper()
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != status {
		t.Errorf("%s: status %d, want %d: %s", name, resp.StatusCode, status, raw)
		return
	}
	if status < 400 {
		return
	}
	var p api.Problem
	if err := json.Unmarshal(raw, &p); err != nil || p.Code == "" || p.Status != status || p.Title == "" {
		t.Errorf("%s: no problem: %s", name, raw)
	}
	if ct := resp.Header.Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("%s: content type %q", name, ct)
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	f, c := serve(t)
	if _, err := c.Submit(t.Context(), submission("a.png", "1")); err != nil {
		t.Fatal(err)
	}
	id := string(f.docs[0].ID)
	f.move(f.docs[0].ID, store.DocumentComplete)
	for _, tc := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/v1/documents/nonsense", 404},
		{"GET", "/v1/documents/00000000-0000-7000-8000-00000000ffff", 404},
		{"GET", "/v1/documents/00000000-0000-7000-8000-00000000ffff/events", 404},
		{"GET", "/v1/documents?limit=0", 422},
		{"GET", "/v1/documents?limit=9999", 422},
		{"GET", "/v1/documents?state=odd", 422},
		{"GET", "/v1/documents?colour=red", 422},
		{"GET", "/v1/documents/" + id + "/pages/0", 422},
		{"GET", "/v1/documents/" + id + "/pages/7", 404},
		{"GET", "/v1/documents/" + id + "/pages/7/image", 404},
		{"GET", "/v1/documents/" + id + "/pages?after=x", 400},
		{"GET", "/v1/documents/" + id + "/files/1/ocr/none", 404},
		{"GET", "/v1/documents/" + id + "/results/fly", 404},
		{"GET", "/v1/documents/" + id + "/results/ocr?relation=nest", 404},
		{"GET", "/v1/documents/" + id + "/results/ocr?after=1", 400},
		{"POST", "/v1/documents/" + id + "/cancel", 409},
		{"DELETE", "/v1/documents/" + id, 405},
		{"GET", "/v1/nothing", 404},
		{"POST", "/", 405},
	} {
		req, err := http.NewRequest(tc.method, c.BaseURL+tc.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		checkProblem(t, tc.method+" "+tc.path, resp, tc.status)
	}
}

func TestCancelTwiceIsCancellingOnce(t *testing.T) {
	t.Parallel()
	_, c := serve(t)
	doc, err := c.Submit(t.Context(), submission("a.png", "1"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		got, err := c.Cancel(t.Context(), doc.ID)
		if err != nil || got.State != "cancelled" {
			t.Errorf("%s, %v", got.State, err)
		}
	}
}

func TestListsAreComplete(t *testing.T) {
	t.Parallel()
	f, c := serve(t)
	for i := range 5 {
		if _, err := c.Submit(t.Context(), submission(fmt.Sprint(i), "x")); err != nil {
			t.Fatal(err)
		}
	}
	id := f.docs[0].ID
	for n := range 5 {
		f.pages[id] = append(f.pages[id], store.PageStatus{Page: store.Page{Number: n + 1, Width: 10, Height: 20}, Runs: []store.PageRunStatus{{Task: "ocr", State: "done", Current: true}, {Task: "ocr", State: "failed"}}})
		for seq := range 3 {
			f.rows[id] = append(f.rows[id], word(n+1, seq, fmt.Sprintf("%d-%d", n+1, seq), 0.5))
		}
	}
	f.rows[id] = append(f.rows[id], word(6, 0, "sure?", none))
	var names []string
	for after := ""; ; {
		list, err := c.Documents(t.Context(), after, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range list.Documents {
			names = append(names, d.Name)
		}
		if after = list.Next; after == "" {
			break
		}
	}
	if got := strings.Join(names, ""); got != "43210" {
		t.Errorf("documents %s", got)
	}
	pages := 0
	for after := ""; ; {
		list, err := c.Pages(t.Context(), string(id), after, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range list.Pages {
			if pages++; p.Number != pages || len(p.Runs) != 1 || p.Runs[0].State != "done" {
				t.Errorf("page %d: %+v", pages, p)
			}
		}
		if after = list.Next; after == "" {
			break
		}
	}
	if pages != 5 {
		t.Errorf("%d pages", pages)
	}
	var words []string
	err := c.AllResults(t.Context(), string(id), "ocr", api.ResultQuery{Limit: 4}, func(r api.Record) error {
		words = append(words, r.Text())
		if (r.Text() == "sure?") != (r.Confidence == nil) {
			t.Errorf("%s has confidence %v", r.Text(), r.Confidence)
		}
		return nil
	})
	if err != nil || len(words) != 16 || words[3] != "2-0" {
		t.Errorf("%q, %v", words, err)
	}
	if one, err := c.Results(t.Context(), string(id), "ocr", api.ResultQuery{Page: 2}); err != nil || len(one.Records) != 3 {
		t.Errorf("%+v, %v", one, err)
	}
}

func TestPageImages(t *testing.T) {
	t.Parallel()
	f, c := serve(t)
	if _, err := c.Submit(t.Context(), submission("a.png", "1")); err != nil {
		t.Fatal(err)
	}
	id := f.docs[0].ID
	grey := image.NewGray(image.Rect(0, 0, 200, 100))
	for i := range grey.Pix {
		grey.Pix[i] = 200
	}
	colour := image.NewRGBA(image.Rect(0, 0, 64, 64))
	for y := range 64 {
		for x := range 64 {
			colour.Set(x, y, color.RGBA{uint8(x * 4), 100, 50, 255})
		}
	}
	for n, img := range []image.Image{grey, colour} {
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			t.Fatal(err)
		}
		size := img.Bounds().Size()
		f.pages[id] = append(f.pages[id], store.PageStatus{Page: store.Page{Number: n + 1, Width: size.X, Height: size.Y, RasterHash: f.put(b.Bytes()).Hash}})
	}
	f.pages[id] = append(f.pages[id], store.PageStatus{Page: store.Page{Number: 3, Failure: &store.Failure{Kind: "bad_input", Message: "the page is damaged"}}})
	for _, tc := range []struct{ page, ask, w, h int }{{1, 0, 200, 100}, {1, 70, 70, 35}, {1, 5000, 200, 100}, {2, 32, 32, 32}} {
		raw, err := c.PageImage(t.Context(), string(id), tc.page, tc.ask)
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if s := img.Bounds().Size(); s.X != tc.w || s.Y != tc.h {
			t.Errorf("page %d asked for %d is %v", tc.page, tc.ask, s)
		}
		if tc.page == 1 {
			if v := img.(*image.Gray).GrayAt(tc.w/2, tc.h/2).Y; v < 199 || v > 201 {
				t.Errorf("an even page became %d", v)
			}
		}
	}
	_, err := c.PageImage(t.Context(), string(id), 3, 0)
	if p := problemFrom(t, err); p.Page != 3 || !strings.Contains(p.Detail, "damaged") {
		t.Errorf("%+v", p)
	}
	_, err = c.PageImage(t.Context(), string(id), 9, 0)
	if p := problemFrom(t, err); p.Code != api.CodeNotReady || p.Page != 9 {
		t.Errorf("%+v", p)
	}
	resp, err := http.Get(c.BaseURL + "/v1/documents/" + string(id) + "/pages/1/image?w=70")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	req, _ := http.NewRequest("GET", resp.Request.URL.String(), nil)
	req.Header.Set("If-None-Match", resp.Header.Get("ETag"))
	again, err := http.DefaultClient.Do(req)
	if err != nil || again.StatusCode != http.StatusNotModified {
		t.Errorf("%v, %v", again, err)
	}
}

// Files made of documents are sent so that a browser runs nothing in them.
func TestFilesAreInert(t *testing.T) {
	t.Parallel()
	f, c := serve(t)
	if _, err := c.Submit(t.Context(), submission("a.png", "1")); err != nil {
		t.Fatal(err)
	}
	id := f.docs[0].ID
	o := f.put([]byte("<script>alert(1)</script>"))
	f.objects[id] = []store.Object{{Task: "ocr", Page: 1, Name: "page.hocr", MediaType: "text/html", Hash: o.Hash, Bytes: o.Bytes}}
	f.pages[id] = []store.PageStatus{{Page: store.Page{Number: 1, Width: 1, Height: 1}}}
	page, err := c.Page(t.Context(), string(id), 1)
	if err != nil || len(page.Artifacts) != 1 {
		t.Fatalf("%+v, %v", page, err)
	}
	raw, err := c.Fetch(t.Context(), page.Artifacts[0].Link)
	if err != nil || !strings.HasPrefix(string(raw), "<script>") {
		t.Errorf("%q, %v", raw, err)
	}
	resp, err := http.Get(c.BaseURL + page.Artifacts[0].Link)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if d, p := resp.Header.Get("Content-Disposition"), resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(d, "attachment") || !strings.Contains(p, "sandbox") {
		t.Errorf("disposition %q, policy %q", d, p)
	}
	// So is the document itself, which anybody may have made.
	resp, err = http.Get(c.BaseURL + api.SourceLink(string(id)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	source, err := io.ReadAll(resp.Body)
	if err != nil || string(source) != "1" || resp.Header.Get("Content-Disposition") != `attachment; filename=a.png` ||
		!strings.Contains(resp.Header.Get("Content-Security-Policy"), "sandbox") || resp.Header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("source %q, %v, %v", source, err, resp.Header)
	}
	files, err := c.Files(t.Context(), string(id))
	if err != nil || len(files) != 1 || files[0].Hash != o.Hash {
		t.Errorf("files %+v, %v", files, err)
	}
}

// Names that point at this machine from elsewhere, and pages of other sites, get nothing.
func TestStrangersAreRefused(t *testing.T) {
	t.Parallel()
	f := newFake()
	h, err := New(Config{Documents: f, Objects: f, Tasks: fakeTasks{}, Hosts: []string{"scans.example"}})
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{
		"127.0.0.1:8080": 200, "localhost": 200, "[::1]:80": 200, "palimpsest.localhost:80": 200, "scans.example:8080": 200, "SCANS.example": 200,
		"evil.example": 403, "127.0.0.1.evil.example:8080": 403, "localhost.evil.example": 403, "10.0.0.1": 403, "": 403,
	} {
		r := httptest.NewRequest("GET", "/v1/documents", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("host %q: %d, want %d", host, w.Code, want)
		}
	}
	for _, tc := range []struct {
		header, value string
		want          int
	}{
		{"Origin", "http://evil.example", 403}, {"Sec-Fetch-Site", "cross-site", 403}, {"Origin", "null", 403},
		{"Origin", "http://127.0.0.1:8080", 404}, {"Sec-Fetch-Site", "same-origin", 404}, {"X-None", "", 404},
	} {
		r := httptest.NewRequest("POST", "/v1/documents/00000000-0000-7000-8000-000000000001/cancel", nil)
		r.Host = "127.0.0.1:8080"
		r.Header.Set(tc.header, tc.value)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tc.want {
			t.Errorf("%s %s: %d, want %d", tc.header, tc.value, w.Code, tc.want)
		}
	}
}

func TestStaticPage(t *testing.T) {
	t.Parallel()
	_, c := serve(t)
	resp, err := http.Get(c.BaseURL + "/")
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	policy := resp.Header.Get("Content-Security-Policy")
	if !strings.Contains(string(raw), "<title>Palimpsest") || !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("page %.80q, policy %q", raw, policy)
	}
	// Nothing of the page comes from elsewhere, and nothing in it needs a laxer policy.
	err = fsWalk(func(name, text string) {
		for _, bad := range []string{"//cdn", "https://", "onclick=", "style=\"", "eval(", "innerHTML"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s contains %s", name, bad)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"main.js", "style.css", "icon.svg"} {
		resp, err := http.Get(c.BaseURL + "/" + name)
		if err != nil || resp.StatusCode != 200 || resp.Header.Get("ETag") == "" {
			t.Errorf("%s: %v, %v", name, resp, err)
		}
		resp.Body.Close()
	}
}

func fsWalk(each func(name, text string)) error {
	entries, err := embedded.ReadDir("static")
	if err != nil {
		return err
	}
	for _, e := range entries {
		raw, err := embedded.ReadFile("static/" + e.Name())
		if err != nil {
			return err
		}
		each(e.Name(), string(raw))
	}
	return nil
}

func TestHealthAndMetrics(t *testing.T) {
	t.Parallel()
	f, c := serve(t)
	if err := c.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	f.mu.Lock()
	f.down = errors.New("password=geheim refused")
	f.mu.Unlock()
	err := c.Ready(t.Context())
	if p := problemFrom(t, err); p.Status != http.StatusServiceUnavailable || strings.Contains(p.Error(), "geheim") {
		t.Errorf("%v", p)
	}
	if raw, err := c.Fetch(t.Context(), "/livez"); err != nil || !strings.Contains(string(raw), `"ok"`) {
		t.Errorf("%s, %v", raw, err)
	}
	raw, err := c.Fetch(t.Context(), "/metrics")
	if err != nil || !strings.Contains(string(raw), `palimpsest_http_requests_total{method="GET",code="503"} 1`) {
		t.Errorf("%s, %v", raw, err)
	}
}

// The interface's own description names every operation, with an answer, an id and the
// form of errors, and every reference in it leads somewhere.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	_, c := serve(t)
	raw, err := c.Fetch(t.Context(), "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			OperationID, Summary string
			Responses            map[string]struct{ Content map[string]any }
			RequestBody          *struct{ Content map[string]any }
		}
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("OpenAPI %s", doc.OpenAPI)
	}
	operations := 0
	for path, methods := range doc.Paths {
		for method, op := range methods {
			operations++
			if op.OperationID == "" || op.Summary == "" || op.Responses["default"].Content["application/problem+json"] == nil || len(op.Responses) < 2 {
				t.Errorf("%s %s: %+v", method, path, op)
			}
		}
	}
	if operations != 13 {
		t.Errorf("%d operations", operations)
	}
	submit := doc.Paths["/v1/documents"]["post"]
	if submit.RequestBody == nil || submit.RequestBody.Content["multipart/form-data"] == nil || submit.Responses["202"].Content == nil {
		t.Errorf("submit: %+v", submit)
	}
	for _, part := range strings.Split(string(raw), `"$ref":"#/components/schemas/`)[1:] {
		name, _, _ := strings.Cut(part, `"`)
		if doc.Components.Schemas[name] == nil {
			t.Errorf("no schema %s", name)
		}
	}
}

// A server that ends lets streams go at once and answers nothing more.
func TestServeEnds(t *testing.T) {
	t.Parallel()
	f := newFake()
	h, err := New(Config{Documents: f, Objects: f, Tasks: fakeTasks{}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, h) }()
	c := &api.Client{BaseURL: "http://" + l.Addr().String(), HTTP: &http.Client{Transport: &http.Transport{}}, Retries: -1}
	doc, err := c.Submit(t.Context(), submission("a.png", "1"))
	if err != nil {
		t.Fatal(err)
	}
	followed := make(chan error, 1)
	go func() { followed <- c.Events(t.Context(), doc.ID, func(api.Event) error { cancel(); return nil }) }()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := <-followed; err == nil {
		t.Error("a stream that broke off must not look as if the document had ended")
	}
	var unreachable *url.Error
	if _, err := c.Document(t.Context(), doc.ID); !errors.As(err, &unreachable) {
		t.Errorf("%v", err)
	}
}

// A file far above the limit is refused while it is still being sent, and the sender
// hears why.
func TestLargeUploadIsRefusedEarly(t *testing.T) {
	t.Parallel()
	_, c := serve(t, func(c *Config) { c.MaxUploadBytes = 1 << 20 })
	sent := int64(0)
	_, err := c.Submit(t.Context(), api.Submission{Name: "endless.pdf", Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.TeeReader(io.LimitReader(zeros{}, 4<<30), countTo(&sent))), nil
	}})
	if p := problemFrom(t, err); p.Code != api.CodeTooLarge {
		t.Errorf("%+v", p)
	}
	if sent > 256<<20 {
		t.Errorf("%d bytes were taken", sent)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type counter struct{ n *int64 }

func countTo(n *int64) io.Writer { return counter{n} }

func (c counter) Write(p []byte) (int, error) { *c.n += int64(len(p)); return len(p), nil }
