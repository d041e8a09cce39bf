"""What the papers take as given: language, sentence, diffusion and image-text models, 3D heads."""
