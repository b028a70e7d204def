"""What a URL asks of a picture: parameters, geometry, formats, signatures. Pure; decodes nothing."""
