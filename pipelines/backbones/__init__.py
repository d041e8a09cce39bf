"""What the papers take as given: language, sentence, diffusion and image-text models, the 3D head generator."""
