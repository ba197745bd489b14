package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"

	"github.com/riverqueue/river"

	"palimpsest.dev/ingest"
	"palimpsest.dev/render"
	"palimpsest.dev/store"
	"palimpsest.dev/web"
)

// workerFlags say how much a process works on at once.
type workerFlags struct {
	Ingest int `help:"Documents drawn at once." default:"1"`
	Read   int `help:"Pages read at once: enough to keep the model's batch full." default:"4"`
	Finish int `help:"Documents finished at once." default:"1"`
	Scan   int `help:"Sources scanned at once." default:"1"`
}

// startWorkers joins the parts to workers and starts them. The function it
// returns stops them: running jobs get a little time, then go back to the
// queue.
func startWorkers(ctx context.Context, b *backing, p *readingParts, f workerFlags, places sourceFlags, log *slog.Logger) (stop func() error, err error) {
	if err := p.ensureRelations(ctx, b.store); err != nil {
		return nil, err
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &ingest.IngestWorker{Documents: b.store, Objects: b.blobs, Render: renderOptions(), Log: log})
	river.AddWorker(workers, &ingest.ReadWorker{Reads: b.store, Objects: b.blobs, Tasks: p.host, Model: p.engine, Profile: p.profile, Log: log})
	river.AddWorker(workers, &ingest.FinishWorker{Finishes: b.store, Objects: b.blobs, Publisher: b.blobs, Tasks: p.host, Log: log})
	river.AddWorker(workers, &ingest.ScanWorker{Scans: b.store, Objects: b.blobs, Open: places.places(b).Open, Runs: p.scanRuns, Log: log})
	worker, err := b.store.NewWorker(workers, store.WorkerOptions{Ingest: f.Ingest, Read: f.Read, Finish: f.Finish, Scan: f.Scan, Schedule: true, Log: log})
	if err != nil {
		return nil, err
	}
	// Not ctx: the workers end by Stop, which lets jobs come to an end.
	if err := worker.Start(context.WithoutCancel(ctx)); err != nil {
		return nil, err
	}
	beside, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var others sync.WaitGroup
	others.Go(func() {
		if err := render.Prepare(beside, renderOptions()); err != nil && beside.Err() == nil {
			log.WarnContext(beside, "the renderer for PDF does not start; `palimpsest doctor` says more", "error", err)
		}
	})
	others.Go(func() { ingest.Sweeper{Sweep: b.blobs.Sweep, Named: b.store.Named, Log: log}.Run(beside) })
	return func() error {
		cancel()
		others.Wait()
		ctx, done := context.WithTimeout(context.Background(), stopTime)
		defer done()
		return worker.Stop(ctx)
	}, nil
}

// webFlags say where the HTTP interface listens.
type webFlags struct {
	Listen string `help:"Address of the HTTP interface; loopback only, because nobody is asked who they are." env:"PALIMPSEST_LISTEN" default:"127.0.0.1:8080" placeholder:"HOST:PORT"`
}

// listen opens the interface's socket.
func (f webFlags) listen() (net.Listener, error) {
	host, _, err := net.SplitHostPort(f.Listen)
	if err != nil {
		return nil, usagef("address to listen on: %v", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, usagef("address to listen on: %q is not loopback: put a proxy that checks who comes in front, and listen on 127.0.0.1", host)
	}
	l, err := net.Listen("tcp", f.Listen)
	if err != nil {
		return nil, fmt.Errorf("%w; is `palimpsest up` running already? name another address with --listen", err)
	}
	return l, nil
}

// handler joins the HTTP interface to the parts.
func handler(b *backing, p *readingParts, places sourceFlags, log *slog.Logger) (http.Handler, error) {
	return web.New(web.Config{Documents: b.store, Objects: b.blobs, Tasks: &p.catalogue,
		Runs: b.store, Regions: b.store, ReadersOf: p.ReadersOf, Corrections: b.store, ReadAs: p.ReadAs, Sources: b.store, CheckSource: places.check(b), MaxUploadBytes: ingest.DefaultDocumentBytes, Version: versions().Program, Log: log})
}

// machine is everything on one machine: what up starts, and demo and bench
// where nothing runs yet.
type machine struct {
	backing     *backing
	reading     *readingParts
	address     string // of the HTTP interface, with http://
	stopWorkers func() error
	served      chan error
	stopServing context.CancelFunc
}

// machineFlags are the settings of everything on one machine.
type machineFlags struct {
	dataFlags
	storeFlags
	modelFlags
	workerFlags
	webFlags
	sourceFlags
}

// startMachine starts everything. It returns once documents can be submitted.
func startMachine(ctx context.Context, f machineFlags, log *slog.Logger) (_ *machine, err error) {
	m := &machine{}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.Close())
		}
	}()
	dir, err := f.dir()
	if err != nil {
		return nil, err
	}
	listener, err := f.listen() // first: what is most often wrong, and cheapest to find out
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			listener.Close()
		}
	}()
	if m.reading, err = openReading(f.modelFlags, log); err != nil {
		return nil, err
	}
	if m.backing, err = openBacking(ctx, f.storeFlags, dir, true, log); err != nil {
		return nil, err
	}
	if m.stopWorkers, err = startWorkers(ctx, m.backing, m.reading, f.workerFlags, f.sourceFlags, log); err != nil {
		return nil, err
	}
	h, err := handler(m.backing, m.reading, f.sourceFlags, log)
	if err != nil {
		return nil, err
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	m.address, m.stopServing, m.served = "http://"+listener.Addr().String(), stop, make(chan error, 1)
	go func() { m.served <- web.Serve(serving, listener, h) }()
	return m, nil
}

// Wait waits for the end of ctx, or for a part that ends by itself, which is
// an error.
func (m *machine) Wait(ctx context.Context) error {
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	select {
	case <-ctx.Done():
		return nil
	case err := <-m.backing.failed(watching):
		return err
	case err := <-m.served:
		m.served <- nil // for Close
		return fmt.Errorf("HTTP interface: %w", errors.Join(errors.New("it ended by itself"), err))
	}
}

// Close stops everything in the order in which it stands on one another.
func (m *machine) Close() error {
	var errs []error
	if m.stopServing != nil {
		m.stopServing()
		errs = append(errs, <-m.served)
	}
	if m.stopWorkers != nil {
		errs = append(errs, m.stopWorkers())
	}
	if m.reading != nil {
		errs = append(errs, m.reading.Close())
	}
	if m.backing != nil {
		errs = append(errs, m.backing.Close())
	}
	return errors.Join(errs...)
}
