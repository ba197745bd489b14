package main

// statusCmd shows how far documents are.
type statusCmd struct {
	clientFlags
	ID    []string `arg:"" optional:"" name:"id" help:"Documents; none: the newest."`
	Limit int      `help:"How many of the newest." default:"20"`
}

// Run prints the states.
func (c *statusCmd) Run(s *session) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	if len(c.ID) == 0 {
		list, err := client.Documents(s, "", c.Limit)
		if err != nil {
			return c.reached(err)
		}
		for _, d := range list.Documents {
			if err := c.printDocument(s.stdout, d); err != nil {
				return err
			}
		}
		return nil
	}
	for _, id := range c.ID {
		d, err := client.Document(s, id)
		if err != nil {
			return c.reached(err)
		}
		if err := c.printDocument(s.stdout, d); err != nil {
			return err
		}
	}
	return nil
}
