package main

import (
	"fmt"
	"io"
	"runtime"
)

// upCmd starts everything on this machine.
type upCmd struct {
	machineFlags
}

// Run starts everything, prints where it is, and stops it all when told to.
func (c *upCmd) Run(s *session) error {
	m, err := startMachine(s, c.machineFlags, s.log)
	if err != nil {
		return err
	}
	m.describe(s.stdout, c.machineFlags)
	err = m.Wait(s)
	fmt.Fprintln(s.stdout, "Stopping.")
	if cerr := m.Close(); err == nil {
		err = cerr
	}
	return err
}

// describe prints the address and the settings.
func (m *machine) describe(w io.Writer, f machineFlags) {
	info := m.reading.engine.Info()
	threads := f.Threads
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	dir, _ := f.dir()
	fmt.Fprintf(w, "Palimpsest %s is up at %s\n", versions().Program, m.address)
	fmt.Fprintf(w, "  state      %s\n", dir)
	fmt.Fprintf(w, "  database   %s\n", m.backing.database)
	fmt.Fprintf(w, "  objects    %s\n", m.backing.objects)
	fmt.Fprintf(w, "  model      %s: %.1f million parameters, %d pixels, %s on %d threads, %s\n",
		info.Dir, float64(info.Parameters)/1e6, info.ImageSize, info.Arithmetic, threads, info.Kernel)
	fmt.Fprintf(w, "  plugins    %s: %v\n", m.reading.plugins, m.reading.host.Names())
	fmt.Fprintf(w, "  workers    %d ingest, %d read, %d finish, %d scan\n", f.Ingest, f.Read, f.Finish, f.Scan)
	fmt.Fprintf(w, "  sources    S3, and %s\n", f.allowed())
	fmt.Fprintln(w, "Open the address in a browser, or: palimpsest submit FILE. End with Ctrl-C.")
}
