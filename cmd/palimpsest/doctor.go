package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"palimpsest.dev/api"
	"palimpsest.dev/engine"
	"palimpsest.dev/render"
)

// doctorCmd checks every part and says what to do about what is wrong.
type doctorCmd struct {
	machineFlags
}

// doctorTime bounds one check.
const doctorTime = 2 * time.Minute

// checkup runs checks and prints how they end.
type checkup struct {
	s      *session
	f      machineFlags
	temp   string // a folder for what the checks leave
	failed int
}

// warning is the outcome of a check that found something to know, and nothing
// broken.
type warning struct{ text string }

func (w *warning) Error() string { return w.text }

// Run makes the checks. It fails when one does.
func (c *doctorCmd) Run(s *session) error {
	temp, err := os.MkdirTemp("", "palimpsest-doctor-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	if err := os.Chmod(temp, 0o755); err != nil { // Postgres may run as another user
		return err
	}
	d := &checkup{s: s, f: c.machineFlags, temp: temp}
	v := versions()
	fmt.Fprintf(s.stdout, "palimpsest %s, renderer %s, kernels %s, %s\n", v.Program, v.Renderer, v.Kernel, v.Go)
	d.check("model", d.model)
	d.check("plugins", d.plugins)
	d.check("renderer", d.renderer)
	d.check("fonts", d.fonts)
	d.check("database", d.database)
	d.check("object store", d.objects)
	d.check("state folder", d.state)
	d.check("address", d.address)
	if d.failed > 0 {
		fmt.Fprintf(s.stdout, "%d of the checks failed.\n", d.failed)
		return errReported
	}
	fmt.Fprintln(s.stdout, "All is well.")
	return nil
}

// check runs one check; a check returns what it found in a few words.
func (d *checkup) check(name string, run func(context.Context) (string, error)) {
	ctx, cancel := context.WithTimeout(d.s, doctorTime)
	defer cancel()
	start := time.Now()
	found, err := run(ctx)
	mark := "ok  "
	var warned *warning
	switch {
	case errors.As(err, &warned):
		mark, found = "note", warned.text
	case err != nil:
		mark, found = "FAIL", err.Error()
		d.failed++
	}
	fmt.Fprintf(d.s.stdout, "%s  %-13s %s (%.1f s)\n", mark, name, found, time.Since(start).Seconds())
}

// model loads the model and has it answer a question.
func (d *checkup) model(ctx context.Context) (string, error) {
	dir, err := d.f.modelDir()
	if err != nil {
		return "", err
	}
	e, err := engine.Open(dir, engine.Options{Threads: d.f.Threads, Arithmetic: d.f.Arithmetic})
	if err != nil {
		return "", fmt.Errorf("%w: is the folder complete (config.json, *.safetensors, tokenizer.json)?", err)
	}
	defer e.Close()
	info := e.Info()
	img := image.NewRGBA(image.Rect(0, 0, info.ImageSize, info.ImageSize))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	answer, err := e.Submit(ctx, engine.Request{Image: img, Prompt: "ocr", MaxTokens: 8})
	if err != nil {
		return "", fmt.Errorf("%s loads but does not answer: %w", dir, err)
	}
	return fmt.Sprintf("%s: %.1f million parameters, %d pixels, %s, %s; answers (%d tokens)",
		dir, float64(info.Parameters)/1e6, info.ImageSize, info.Kernel, info.Arithmetic, len(answer.Tokens)), nil
}

// plugins starts every plugin and lists its options.
func (d *checkup) plugins(context.Context) (string, error) {
	parts, err := openCatalogue(d.f.modelFlags, d.s.log)
	if err != nil {
		return "", err
	}
	defer parts.Close()
	var found []string
	for _, name := range parts.host.Names() {
		t, err := parts.host.Task(name)
		if err != nil {
			return "", fmt.Errorf("%w: build the programs with `make build`", err)
		}
		info := t.Info()
		s := name + " " + info.Version
		for _, o := range info.Options {
			s += fmt.Sprintf(", %s=%s", o.Name, strings.Join(o.Values, "|"))
		}
		if _, ok := parts.profile.Tasks[name]; !ok {
			s += " (the model has no profile for it)"
		}
		found = append(found, s)
	}
	return parts.plugins + ": " + strings.Join(found, "; "), nil
}

// renderer draws an image and a PDF in the child that draws untrusted files.
func (d *checkup) renderer(ctx context.Context) (string, error) {
	var picture bytes.Buffer
	img := image.NewRGBA(image.Rect(0, 0, 300, 200))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(img, image.Rect(50, 80, 250, 120), image.NewUniform(color.Black), image.Point{}, draw.Src)
	if err := render.EncodePNG(&picture, img); err != nil {
		return "", err
	}
	for name, content := range map[string][]byte{"check.png": picture.Bytes(), "check.pdf": smallPDF()} {
		path := filepath.Join(d.temp, name)
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return "", err
		}
		doc, err := render.Open(ctx, path, renderOptions())
		if err != nil {
			return "", err
		}
		_, err = doc.Page(ctx, 1)
		if cerr := doc.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return "", err
		}
	}
	if cacheDir() == "" {
		return "", &warning{"draws images and PDF, but there is no cache folder, so each PDF costs seconds more: set HOME or XDG_CACHE_HOME"}
	}
	return "draws images and PDF", nil
}

// smallPDF is one page with one rectangle on it.
func smallPDF() []byte {
	var b bytes.Buffer
	var at []int
	b.WriteString("%PDF-1.4\n")
	content := "20 20 60 40 re f"
	for i, object := range []string{
		"<</Type/Catalog/Pages 2 0 R>>",
		"<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]/Contents 4 0 R/Resources<<>>>>",
		fmt.Sprintf("<</Length %d>>stream\n%s\nendstream", len(content), content),
	} {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj%s endobj\n", i+1, object)
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, offset := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, xref)
	return b.Bytes()
}

// fonts looks for the fonts that stand in for those a PDF does not embed.
func (d *checkup) fonts(context.Context) (string, error) {
	count, asian := 0, false
	err := filepath.WalkDir("/usr/share/fonts", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil // what cannot be listed cannot be used either
		}
		switch strings.ToLower(filepath.Ext(path)) {
		case ".ttf", ".otf", ".ttc", ".pfb":
			count++
			name := strings.ToLower(e.Name())
			asian = asian || strings.Contains(name, "cjk") || strings.Contains(name, "wqy") || strings.Contains(name, "ipa")
		}
		return nil
	})
	switch {
	case err != nil || count == 0:
		return "", &warning{"none in /usr/share/fonts: text of PDFs that embed no fonts is drawn with built-in ones; install fonts-dejavu or fonts-liberation"}
	case !asian:
		return "", &warning{fmt.Sprintf("%d, none for Chinese, Japanese, Korean: PDFs that do not embed theirs show gaps; install fonts-noto-cjk", count)}
	}
	return fmt.Sprintf("%d, Chinese, Japanese and Korean among them", count), nil
}

// database opens the database that is set, or starts a private one elsewhere.
func (d *checkup) database(ctx context.Context) (string, error) {
	b := &backing{}
	defer b.Close()
	dsn, err := b.openPostgres(ctx, d.f.storeFlags, d.temp, d.s.log)
	if err != nil {
		return "", fmt.Errorf("%w: install PostgreSQL (Debian: apt install postgresql), or set DATABASE_URL", err)
	}
	if err := b.openStore(ctx, dsn, d.f.Database == "", d.s.log); err != nil {
		return "", err
	}
	if d.f.Database == "" {
		return "a private Postgres starts, migrates and answers", nil
	}
	return b.database + " answers and is migrated", nil
}

// objects writes an object, reads it, and sees that it is the same.
func (d *checkup) objects(ctx context.Context) (string, error) {
	b := &backing{}
	defer b.Close()
	conf, err := b.openS3(ctx, d.f.storeFlags, d.temp, d.s.log)
	if err != nil {
		return "", err
	}
	if err := b.openBlobs(ctx, conf); err != nil {
		return "", err
	}
	content := []byte("palimpsest doctor was here\n")
	put, err := b.blobs.PutBytes(ctx, content, "text/plain")
	if err != nil {
		return "", fmt.Errorf("%w: may the key write to the bucket?", err)
	}
	r, err := b.blobs.Get(ctx, put.Hash)
	if err != nil {
		return "", fmt.Errorf("%w: may the key read from the bucket?", err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, content) {
		return "", fmt.Errorf("an object comes back as %d bytes, not the %d that were written: %w", len(got), len(content), err)
	}
	return b.objects + " takes objects and gives them back", nil
}

// minFree is the free space below which doctor warns: a few thousand pages.
const minFree = 2 << 30

// state checks the state folder and the space around it.
func (d *checkup) state(context.Context) (string, error) {
	dir, err := d.f.dir()
	if err != nil {
		return "", err
	}
	there := dir
	for !exists(there) && there != filepath.Dir(there) {
		there = filepath.Dir(there)
	}
	free, err := freeBytes(there)
	if err != nil {
		return "", fmt.Errorf("%s: %w: name another folder with --data", dir, err)
	}
	if free < minFree {
		return "", &warning{fmt.Sprintf("%s: %d MB free: a page takes about half of one; name a folder with more room with --data", dir, free>>20)}
	}
	return fmt.Sprintf("%s: %.1f GB free", dir, float64(free)/(1<<30)), nil
}

// address checks that the HTTP interface could listen, or does already.
func (d *checkup) address(ctx context.Context) (string, error) {
	l, err := d.f.listen()
	if err == nil {
		return d.f.Listen + " is free", l.Close()
	}
	client := &api.Client{BaseURL: "http://" + d.f.Listen}
	if ready := client.Ready(ctx); ready == nil {
		return "a server answers at " + d.f.Listen + " and is ready", nil
	}
	return "", err
}
