package main

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"palimpsest.dev/engine"
	"palimpsest.dev/engine/kernel"
	"palimpsest.dev/engine/weights"
	"palimpsest.dev/render"
	"palimpsest.dev/task"
	"palimpsest.dev/task/host"
)

// callTimeout is how long a plugin's call may take; 0 leaves it to the host. A
// variable, so that tests need not wait minutes for a frozen plugin's end.
var callTimeout time.Duration

// readingParts are the parts that read pages: model, profile and plugins.
type readingParts struct {
	catalogue
	engine  *engine.Engine
	plugins string // folder of their programs
}

// openReading loads the model and finds the plugins.
func openReading(f modelFlags, log *slog.Logger) (_ *readingParts, err error) {
	p := &readingParts{}
	defer func() {
		if err != nil {
			p.Close()
		}
	}()
	model, err := p.open(f, log)
	if err != nil {
		return nil, err
	}
	if p.engine, err = engine.Open(model, engine.Options{Threads: f.Threads, Arithmetic: f.Arithmetic}); err != nil {
		return nil, fmt.Errorf("model %s: %w; `palimpsest doctor` says more", model, err)
	}
	info := p.engine.Info()
	p.checkpoint, p.kernel = info.Hash, kernelName(info.Kernel, info.Arithmetic)
	return p, nil
}

// openCatalogue finds model and plugins without loading the weights into
// memory, for a process that serves but does not read. It takes the workers'
// kernels to be those of this machine.
func openCatalogue(f modelFlags, log *slog.Logger) (_ *readingParts, err error) {
	p := &readingParts{}
	defer func() {
		if err != nil {
			p.Close()
		}
	}()
	model, err := p.open(f, log)
	if err != nil {
		return nil, err
	}
	checkpoint, err := weights.Open(model)
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", model, err)
	}
	defer checkpoint.Close()
	if p.checkpoint, err = checkpoint.Hash(); err != nil {
		return nil, fmt.Errorf("model %s: %w", model, err)
	}
	p.kernel = kernelName(kernel.Name(), f.Arithmetic)
	return p, nil
}

// open finds plugins and profile, and returns the model's folder.
func (p *readingParts) open(f modelFlags, log *slog.Logger) (model string, err error) {
	if model, err = f.modelDir(); err != nil {
		return "", err
	}
	if p.plugins, err = f.pluginDir(); err != nil {
		return "", err
	}
	p.renderer = render.Version() + " fonts-" + render.Fonts(nil)
	if p.profile, err = task.ReadProfile(model); err != nil {
		return "", err
	}
	if p.host, err = host.Open(host.Options{Dir: p.plugins, Log: log, CallTimeout: callTimeout}); err != nil {
		return "", fmt.Errorf("plugins in %s: %w", p.plugins, err)
	}
	return model, nil
}

func kernelName(kernel, arithmetic string) string { return kernel + " " + arithmetic }

// render gives the renderer's options for a file of this name.
func (p *readingParts) render(name, password string) render.Options {
	o := renderOptions()
	o.Name, o.Password = name, password
	return o
}

// Close stops the plugins and the model.
func (p *readingParts) Close() error {
	var errs []error
	if p.host != nil {
		errs = append(errs, p.host.Close())
	}
	if p.engine != nil {
		errs = append(errs, p.engine.Close())
	}
	return errors.Join(errs...)
}
