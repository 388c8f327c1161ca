package why

func (s *story) ofClients() {}
